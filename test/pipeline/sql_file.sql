SELECT id,
       nul(email)
FROM STREAM user
